"""What leaves the web page: the run as a zip, ONNX models, one HTML page."""
