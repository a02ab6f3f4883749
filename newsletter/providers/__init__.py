"""The ways out, one file each: a folder, an SMTP server, SendGrid. Their contract is `newsletter.mail`."""
