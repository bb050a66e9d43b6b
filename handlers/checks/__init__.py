"""What is wrong with a service, told to whoever wrote it: the file, the line, what to write."""
