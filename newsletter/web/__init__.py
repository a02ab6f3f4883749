"""The web door: pages for subscribers, the API for stories, and a mailbox for those who try it out."""
