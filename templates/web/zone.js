// Chooses the reader's time zone, and in the morning the present hour, in a form that nobody has
// filled in yet. Both can be corrected; without this script the form works as well.
const guess = document.querySelector("[data-guess=yes]")
if (guess) {
  const choose = (menu, value) => {
    const known = [...menu.options].some((option) => option.value === value)
    if (known) menu.value = value
    return known
  }
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  if (choose(guess.querySelector("#timezone"), zone)) {
    const hour = new Date().getHours()
    if (hour >= 5 && hour <= 11) choose(guess.querySelector("#hour"), String(hour))
    guess.querySelector("#guessed").hidden = false
  }
}
