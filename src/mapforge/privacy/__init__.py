"""Privacy: faces and number plates are made unreadable before a picture is stored."""
