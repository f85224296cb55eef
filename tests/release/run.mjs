// Runs the deployed module in the browser: the calls come from the server, the outputs go back.
import * as deployed from './m.mjs';

function decoded({data}) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

function encoded(values) {
  const floats = Float32Array.from(values);
  const text = Array.from(new Uint8Array(floats.buffer), (byte) => String.fromCharCode(byte)).join('');
  return {dtype: 'float32', shape: [floats.length], data: btoa(text)};
}

async function send(answer) {
  await fetch('/answer', {method: 'POST', body: JSON.stringify(answer)});
}

function map(values, of) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, of(value)]));
}

async function serve() {
  let model;
  let stream;
  try {
    model = await deployed.Model.load('/model.tflite', '/modules/@litertjs/core/wasm/');
    stream = deployed.Stream ? new deployed.Stream(model) : model;
    await send({});
  } catch (error) {
    await send({error: String(error)});
    return;
  }
  for (;;) {
    const next = await (await fetch('/next')).json();
    if (next.end) return;
    if (next.wait) continue;
    try {
      if (next.reset) {
        await stream.reset();
        await send({});
      } else {
        await send({results: map(await stream.run(map(next.inputs, decoded)), encoded)});
      }
    } catch (error) {
      await send({error: String(error)});
    }
  }
}

await serve();
