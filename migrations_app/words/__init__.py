"""How pages say what is known, a file per subject: badges, sentences about a migration. Pure of any request."""
