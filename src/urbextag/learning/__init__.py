"""What the owner teaches: unknown words, and how far each source is to be believed."""
