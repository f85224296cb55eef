"""rnnlite's forms of a recurrent model beside the stock conversion, ONNX Runtime and OpenVINO."""
