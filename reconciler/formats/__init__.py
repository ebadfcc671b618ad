"""The files of the results branch: values to bytes, and back."""
