"""What makes the server fast, sturdy and operable: a room a job, nothing of ours above it."""
