"""User patterns in JavaScript's dialect: searched in a child process that can be stopped."""
