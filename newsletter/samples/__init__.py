"""Stories and readers that we made up, for the demo."""
