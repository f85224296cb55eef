// Runs a model in the browser: takes the inputs of each call from the server, sends the outputs back.
import {loadAndCompile, loadLiteRt, Tensor} from '@litertjs/core';

const ARRAYS = {float32: Float32Array, int32: Int32Array, uint8: Uint8Array};

function decoded({dtype, data}) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return new ARRAYS[dtype](bytes.buffer);
}

function encoded(array) {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

async function called(model, inputs) {
  const given = Object.fromEntries(Object.entries(inputs).map(
      ([name, input]) => [name, new Tensor(decoded(input), input.shape)]));
  const taken = await model.run(given);
  const results = {};
  for (const [name, tensor] of Object.entries(taken)) {
    const {dtype, layout} = tensor.type;
    results[name] =
        {dtype, shape: [...layout.dimensions], data: encoded(await tensor.data())};
    tensor.delete();
  }
  for (const tensor of Object.values(given)) tensor.delete();
  return results;
}

async function send(answer) {
  await fetch('/answer', {method: 'POST', body: JSON.stringify(answer)});
}

async function load() {
  const bytes = new Uint8Array(await (await fetch('/model.tflite')).arrayBuffer());
  return loadAndCompile(bytes, {accelerator: 'wasm'});
}

async function serve() {
  let model;
  try {
    await loadLiteRt('/modules/@litertjs/core/wasm/');
    model = await load();
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
      if (next.load) {
        model.delete();
        model = await load();
        await send({});
      } else if (next.reset) {
        await model.run('reset', {});
        await send({});
      } else {
        await send({results: await called(model, next.inputs)});
      }
    } catch (error) {
      await send({error: String(error)});
    }
  }
}

await serve();
