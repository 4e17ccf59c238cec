"""What operators see of the server at work: metrics for Prometheus and traces for OpenTelemetry."""
