"""From facts and an image to a plan, and from a plan to a board that is ready. Only `apply` changes anything."""
