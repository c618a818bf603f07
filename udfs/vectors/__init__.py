"""A store of vectors, so that a text that was embedded once is not embedded again."""
