"""ONNX graphs to compiled engines to signed releases."""
