"""The book's own tools: figures, controls, quoted code, words with numbers, checks, the story."""
