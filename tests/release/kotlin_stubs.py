"""The few declarations of Android and LiteRT that the generated Kotlin uses.

Not the real classes: they show that the code parses and that its types fit the signatures of the
real ones (org.tensorflow.lite.Interpreter and Tensor; android.content; Model.kt, TensorBuffer.kt
and Common.kt of litert/kotlin in google-ai-edge/LiteRT @ f67457790c9c). They do not show that it
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
    "com.google.ai.edge.litert.Accelerator": """\
public enum Accelerator { NONE, CPU, GPU, NPU }
""",
    "com.google.ai.edge.litert.TensorBuffer": """\
public class TensorBuffer implements AutoCloseable {
    public void writeInt(int[] data) {}
    public void writeFloat(float[] data) {}
    public void writeInt8(byte[] data) {}
    public void writeLong(long[] data) {}
    public int[] readInt() { return null; }
    public float[] readFloat() { return null; }
    public byte[] readInt8() { return null; }
    public long[] readLong() { return null; }
    public final void close() {}
}
""",
    "com.google.ai.edge.litert.CompiledModel": """\
public class CompiledModel implements AutoCloseable {
    public static class Options { public Options(Accelerator... accelerators) {} }
    public static CompiledModel create(
        android.content.res.AssetManager assetManager, String assetName, Options options) {
        return null;
    }
    public TensorBuffer createInputBuffer(String inputName) { return null; }
    public TensorBuffer createOutputBuffer(String outputName) { return null; }
    public void run(
        java.util.Map<String, TensorBuffer> inputs, java.util.Map<String, TensorBuffer> outputs) {}
    public void run(
        java.util.List<TensorBuffer> inputs, java.util.List<TensorBuffer> outputs,
        String signature) {}
    public final void close() {}
}
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
