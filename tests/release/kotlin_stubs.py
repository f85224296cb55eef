"""The few declarations of Android and LiteRT that the generated Kotlin uses.

Not the real classes: they show that the code parses and that its types fit the signatures of the
real ones (org.tensorflow.lite.Interpreter and Tensor; android.content). They do not show that it
runs.
"""

from __future__ import annotations

from pathlib import Path

_CLASSES = {
    "org.tensorflow.lite.Interpreter": """\
public class Interpreter implements AutoCloseable {
    public static class Options { public Options setNumThreads(int n) { return this; } }
    public Interpreter(java.nio.ByteBuffer model, Options options) {}
    public void resizeInput(int index, int[] shape) {}
    public void allocateTensors() {}
    public void runForMultipleInputsOutputs(
        Object[] inputs, java.util.Map<Integer, Object> outputs) {}
    public void runSignature(
        java.util.Map<String, Object> inputs, java.util.Map<String, Object> outputs, String key) {}
    public void resetVariableTensors() {}
    public Tensor getInputTensor(int index) { return null; }
    public Tensor getOutputTensor(int index) { return null; }
    public void close() {}
}
""",
    "org.tensorflow.lite.Tensor": """\
public interface Tensor {
    DataType dataType();
    int numElements();
    int[] shape();
    java.nio.ByteBuffer asReadOnlyBuffer();
}
""",
    "org.tensorflow.lite.DataType": """\
public enum DataType { FLOAT32, INT32, UINT8, INT64, STRING, BOOL, INT16, INT8 }
""",
    "android.content.Context": """\
public class Context { public android.content.res.AssetManager getAssets() { return null; } }
""",
    "android.content.res.AssetManager": """\
public class AssetManager { public AssetFileDescriptor openFd(String name) { return null; } }
""",
    "android.content.res.AssetFileDescriptor": """\
public class AssetFileDescriptor implements java.io.Closeable {
    public java.io.FileDescriptor getFileDescriptor() { return null; }
    public long getStartOffset() { return 0; }
    public long getDeclaredLength() { return 0; }
    public void close() {}
}
""",
}


def write_stubs(folder: Path) -> list[Path]:
    """Writes a Java file a class; returns them."""
    paths = []
    for name, text in _CLASSES.items():
        package = name.rpartition(".")[0]
        path = folder.joinpath(*name.split(".")).with_suffix(".java")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"package {package};\n{text}")
        paths.append(path)
    return paths
