"""The compiled code of the index is cached by what the package says, not by when a file changed."""

from bench.compiled_cache import use_compiled_cache

use_compiled_cache()
