"""HTTP: health, metrics, the API and the operators' console."""
