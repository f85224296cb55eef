"""An Android class around LiteRT's Interpreter, in Kotlin."""

from __future__ import annotations

from rnnlite_pipeline.release.deploy.deployment import Deployment, Port
from rnnlite_pipeline.release.deploy.text import filled

_CLASS = """\
// Runs @NAME@ @VERSION@ on Android.
// Gradle: implementation("com.google.ai.edge.litert:litert:1.+"); put model.tflite under assets/
// and keep it uncompressed: androidResources { noCompress += "tflite" }.
//
// Inputs (? is open):
@INPUTS@
// Outputs:
@OUTPUTS@
// State: @STATE@. @RESET@
import android.content.Context
import java.io.Closeable
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import kotlin.math.roundToInt
import org.tensorflow.lite.Interpreter

/** The model, ready to be called; one instance a thread. */
class @CAMEL@(context: Context, private val threads: Int = 1) : Closeable {
    private val model = context.assets.openFd("model.tflite").use { file ->
        FileInputStream(file.fileDescriptor).channel.map(
            FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength
        )
    }
    private var interpreter = open()
    private var shapes: List<IntArray> = emptyList()

    /** The values of each output, flat. */
    class Outputs(@OUTPUT_FIELDS@)

    /**
     * One call. Values are flat, real and not yet normalized; `shape` has a number for each
     * dimension, of which only those that are open may differ from the model's.
     */
    fun run(@PARAMETERS@): Outputs {
        val wanted = listOf(@SHAPES@)
        if (wanted.map { it.toList() } != shapes.map { it.toList() }) {
            // Only then: to resize plans all memory anew.
            wanted.forEachIndexed { i, shape -> interpreter.resizeInput(i, shape) }
            interpreter.allocateTensors()
            shapes = wanted
        }
        val inputs = arrayOf<Any>(@BUFFERS@)
        // The sizes of open dimensions are known after the run: null copies nothing during it.
        val outputs = HashMap<Int, Any?>()
        for (i in 0 until @OUTPUT_COUNT@) outputs[i] = null
        interpreter.runForMultipleInputsOutputs(inputs, outputs)
        return Outputs(@RESULTS@)
    }

@RESET_METHOD@
    override fun close() = interpreter.close()

    private fun open() = Interpreter(model, Interpreter.Options().setNumThreads(threads))

    private fun read(i: Int, scale: Float, zeroPoint: Int): FloatArray {
        val tensor = interpreter.getOutputTensor(i)
        val bytes = tensor.asReadOnlyBuffer().order(ByteOrder.nativeOrder())
        return FloatArray(tensor.numElements()) {
            when (tensor.dataType()) {
                org.tensorflow.lite.DataType.FLOAT32 -> bytes.getFloat()
                org.tensorflow.lite.DataType.INT32 -> bytes.getInt().toFloat()
                org.tensorflow.lite.DataType.INT64 -> bytes.getLong().toFloat()
                org.tensorflow.lite.DataType.INT16 -> (bytes.getShort() - zeroPoint) * scale
                org.tensorflow.lite.DataType.UINT8 ->
                    ((bytes.get().toInt() and 0xff) - zeroPoint) * scale
                else -> (bytes.get() - zeroPoint) * scale
            }
        }
    }

    companion object {
        private fun normalized(values: FloatArray, mean: FloatArray, std: FloatArray): FloatArray =
            if (mean.isEmpty()) values
            else FloatArray(values.size) {
                (values[it] - mean[it % mean.size]) / std[it % std.size]
            }

        private fun buffer(bytes: Int): ByteBuffer =
            ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())

        private fun floats(values: FloatArray): ByteBuffer =
            buffer(4 * values.size).apply { values.forEach { putFloat(it) }; rewind() }

        private fun ints(values: FloatArray): ByteBuffer =
            buffer(4 * values.size).apply { values.forEach { putInt(it.toInt()) }; rewind() }

        private fun longs(values: FloatArray): ByteBuffer =
            buffer(8 * values.size).apply { values.forEach { putLong(it.toLong()) }; rewind() }

        private fun bytes(values: FloatArray, scale: Float, zeroPoint: Int, range: IntRange) =
            buffer(values.size).apply {
                values.forEach { put(stored(it, scale, zeroPoint, range).toByte()) }
                rewind()
            }

        private fun shorts(values: FloatArray, scale: Float, zeroPoint: Int) =
            buffer(2 * values.size).apply {
                values.forEach { putShort(stored(it, scale, zeroPoint, -32768..32767).toShort()) }
                rewind()
            }

        private fun stored(value: Float, scale: Float, zeroPoint: Int, range: IntRange): Int =
            ((value / scale).roundToInt() + zeroPoint).coerceIn(range)
    }
}
"""

_RESET = """\
    /** Start a new sequence: forget the state that the calls before left. */
    fun reset() {
        interpreter.close()
        interpreter = open()
        shapes = emptyList()
    }

"""


def kotlin_class(deployment: Deployment) -> str:
    """The text of the class."""
    inputs, outputs = deployment.inputs, deployment.outputs
    parameters = [f"{p.identifier}: FloatArray, {p.identifier}Shape: IntArray" for p in inputs]
    results = [
        f"read({i}, {_float(p.scale or 1.0)}, {p.zero_point})" for i, p in enumerate(outputs)
    ]
    return filled(
        _CLASS,
        {
            "NAME": deployment.name,
            "VERSION": deployment.version,
            "CAMEL": deployment.camel,
            "INPUTS": "\n".join(f"//   {port.described}" for port in inputs),
            "OUTPUTS": "\n".join(f"//   {port.described}" for port in outputs),
            "STATE": deployment.state,
            "RESET": deployment.reset,
            "OUTPUT_FIELDS": ", ".join(f"val {p.identifier}: FloatArray" for p in outputs),
            "PARAMETERS": ", ".join(parameters),
            "SHAPES": ", ".join(f"{p.identifier}Shape" for p in inputs),
            "BUFFERS": ", ".join(_buffer(p) for p in inputs),
            "OUTPUT_COUNT": str(len(outputs)),
            "RESULTS": ", ".join(results),
            "RESET_METHOD": _RESET if deployment.state == "persist" else "",
        },
    )


def _buffer(port: Port) -> str:
    values = port.identifier
    if port.mean:
        values = f"normalized({values}, {_floats(port.mean)}, {_floats(port.std)})"
    if port.scale and port.dtype == "int16":
        return f"shorts({values}, {_float(port.scale)}, {port.zero_point})"
    if port.scale:
        bounds = "0..255" if port.dtype == "uint8" else "-128..127"
        return f"bytes({values}, {_float(port.scale)}, {port.zero_point}, {bounds})"
    return f"{ {'int32': 'ints', 'int64': 'longs'}.get(port.dtype, 'floats') }({values})"


def _float(value: float) -> str:
    return f"{value!r}f"


def _floats(values: tuple[float, ...]) -> str:
    return f"floatArrayOf({', '.join(map(_float, values))})"
