"""Ways to tell people: text for a terminal, Markdown for a ticket, JSON for a script."""
