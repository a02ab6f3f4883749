"""From the stories of an edition to subject, html and text: cards compiled once, joined per edition."""
