"""What is wrong with a service, told to whoever wrote it: her file, the line, what to write."""
