// An OpenAI-like upstream over TLS, for test_upstream_tls.py: HTTP/2, or HTTP/1.1 when asked so.
//   node tls_upstream.js <key.pem> <cert.pem> <h2|h1>      prints "listening on https://localhost:<port>"
// Each answer is "one two three"; /v1/stats tells how many connections and requests came.
const fs = require("fs");
const [key, cert] = process.argv.slice(2, 4).map((p) => fs.readFileSync(p));
const h2 = process.argv[4] === "h2";
const stats = { connections: 0, requests: 0, versions: {} };

const chunk = (delta, finish) =>
  `data: ${JSON.stringify({ model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

function stream(res) {
  res.writeHead(200, { "content-type": "text/event-stream" });
  const words = ["one", " two", " three"];
  const timer = setInterval(() => {
    const word = words.shift();
    if (word) return res.write(chunk({ content: word }, null));
    clearInterval(timer);
    res.end(chunk({}, "stop") + "data: [DONE]\n\n");
  }, 100);
  res.on("close", () => clearInterval(timer));
}

function onRequest(req, res) {
  if (req.url.endsWith("/stats")) return res.end(JSON.stringify(stats));
  stats.requests++;
  stats.versions[req.httpVersion] = (stats.versions[req.httpVersion] || 0) + 1;
  if (req.url.endsWith("/models")) return res.end(JSON.stringify({ data: [{ id: "m" }] }));
  req.resume();
  req.on("end", () => stream(res));
}

const server = h2
  ? require("http2").createSecureServer({ key, cert, allowHTTP1: true }, onRequest)
  : require("https").createServer({ key, cert }, onRequest);
server.on("secureConnection", () => stats.connections++);
server.listen(0, "127.0.0.1", () => console.log(`listening on https://localhost:${server.address().port}`));
