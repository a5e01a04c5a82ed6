"""Programs for developers: they write the generated part of docs/ from the code."""
