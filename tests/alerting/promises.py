"""Every promise of the alerts, checked over a month's books."""

from collections.abc import Callable, Mapping
from itertools import islice

from tests.alerting import causes, editors, fates, limits, words
from tests.alerting.books import Books
from tests.alerting.limits import Broken

#: the promise → to whom it was broken
PROMISES: Mapping[str, Callable[[Books], Broken]] = {
    "nobody gets more mails a day than they chose": limits.more_mails_than_chosen,
    "no alert comes in the quiet, but one of the highest impact": limits.alerts_in_the_quiet,
    "what comes up together comes in one mail": limits.alerts_that_were_not_gathered,
    "a story rests": limits.stories_without_rest,
    "a company rests": limits.companies_without_rest,
    "nothing is told again without news": limits.stories_told_again_without_news,
    "no mail tells a story twice": limits.stories_twice_in_a_mail,
    "no alert tells what is so no more": limits.alerts_of_what_is_so_no_more,
    "no alert comes when it is no news any more": limits.alerts_that_came_too_late,
    "who muted it hears nothing of it": limits.muted_stories,
    "who left is left in peace": limits.mails_after_leaving,
    "nobody gets a mail twice": limits.mails_twice,
    "a mail says what its rows say": limits.mails_that_do_not_say_their_stories,
    "a line comes once, to those who want it": limits.wrong_lines,
    "a line comes": limits.lines_that_are_missing,
    "whom a story concerns has a row": fates.alerts_that_nobody_made,
    "whoever has a row, the story concerns": fates.alerts_that_nobody_asked_for,
    "a row names the rules that were met": fates.rules_that_were_not_met,
    "every row has an end": fates.rows_without_a_fate,
    "every mail has its rows": fates.mails_without_rows,
    "what is folded is told by the next digest": fates.folded_and_not_told,
    "what was asked for is told in the end": fates.news_that_never_came,
    "nothing is folded without a cause": causes.folded_without_a_cause,
    "nothing is dropped without a cause": causes.dropped_without_a_cause,
    "nothing is held without a cause": causes.held_without_a_cause,
    "no digest is held back without a cause": limits.digests_held_back_without_a_cause,
    "what a digest could not tell, the next one tells": limits.digests_lost,
    "whom the editors mean has a row": editors.meant_and_without_a_row,
    "who wants nothing of the editors gets nothing": editors.editors_alerts_to_who_wants_none,
    "what was cancelled is not told": editors.cancelled_and_told,
    "what is wrong is told to nobody": editors.wrong_and_told,
    "who was told wrong hears of it": editors.told_wrong_and_not_corrected,
    "who heard of it hears of it once": editors.corrected_twice,
    "a mail names the rules that fired": words.footers_that_name_other_rules,
    "a mail tells facts": words.facts_that_are_not_so,
    "a proof adds up": words.proofs_that_do_not_add_up,
    "a reason is so": causes.reasons_that_are_not_so,
}


def broken(books: Books) -> dict[str, list[object]]:
    """Of each broken promise some that it was broken to, behind their number."""
    found = {}
    for promise, whom in PROMISES.items():
        if every := list(whom(books)):
            found[f"{promise}: {len(every)}"] = list(islice(every, 5))
    return found
