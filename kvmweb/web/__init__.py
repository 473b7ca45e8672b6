"""What the pages and the API of every app share."""
