"""A real browser on a page of somebody else's: nothing of the cloud is changed or read by it."""

import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

BROWSER = next(
    (found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.cloud,
    pytest.mark.timeout(180),
    pytest.mark.skipif(BROWSER is None, reason="no chromium here: apt-get install chromium"),
]

# What a page can try without asking first; each attempt tells how it went.
PAGE = """<!doctype html><title>evil</title><img id=i><pre id=told>not run</pre><script>
const cloud = CLOUD, told = {};
const query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20200101T000000Z&X-Amz-Expires=604800" +
  "&X-Amz-SignedHeaders=host&X-Amz-Signature=0&X-Amz-Credential=evil/20200101/us-east-1/SCOPE/aws4_request";
const as = scope => query.replace("SCOPE", scope);
async function attempt(name, path, options) {
  try {
    const answer = await fetch(cloud + path, options);
    told[name] = answer.type === "opaque" ? "sent" : answer.status + " " + await answer.text();
  } catch (error) { told[name] = "" + error.name; }
}
(async () => {
  await attempt("own", "/page", {mode: "cors"});
  const form = "Action=CreateQueue&QueueName=stolen&Version=2012-11-05";
  await attempt("query post", "/?" + as("sqs"), {method: "POST", mode: "no-cors", body: form,
    headers: {"Content-Type": "application/x-www-form-urlencoded"}});
  await attempt("query get", "/?" + form + "&" + as("sqs"), {mode: "no-cors"});
  const code = {FunctionName: "stolen", Runtime: "python3.13", Handler: "a.b", Code: {ZipFile: ""},
    Role: "arn:aws:iam::123456789012:role/r"};
  await attempt("function", "/2015-03-31/functions?" + as("lambda"),
    {method: "POST", mode: "no-cors", body: JSON.stringify(code)});
  await attempt("signed", "/data/k", {headers: {Authorization: "AWS evil:x"}});
  await attempt("put", "/data/stolen?" + as("s3"), {method: "PUT", body: "x"});
  await attempt("read", "/data/k?AWSAccessKeyId=evil&Signature=x&Expires=4000000000");
  await attempt("access", "/_everloop/access");
  await attempt("open", "/open/k?AWSAccessKeyId=evil&Signature=x&Expires=4000000000");
  document.getElementById("told").textContent = JSON.stringify(told);
})();
</script>"""


@pytest.fixture
def evil(cloud_with):
    """Serve the page of an attacker; gives the cloud and the page's address."""
    cloud, client = cloud_with("s3", "sqs", "lambda", "sts")
    for bucket in ("data", "open"):
        client("s3").create_bucket(Bucket=bucket)
        client("s3").put_object(Bucket=bucket, Key="k", Body=b"rows", ContentType="text/plain")

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            data = PAGE.replace("CLOUD", json.dumps(cloud.url), 1).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield cloud, f"http://evil.example:{server.server_port}/"
    server.shutdown()
    server.server_close()


def visit(address, tmp_path):
    """Open an address as a person would; returns the page that is there in the end."""
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--host-resolver-rules=MAP evil.example 127.0.0.1", "--virtual-time-budget=15000"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--disable-dev-shm-usage", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_page_changes_and_reads_nothing_but_what_cors_rules_open(evil, tmp_path):
    cloud, address = evil
    rules = [{"AllowedOrigins": [address.rstrip("/")], "AllowedMethods": ["GET"]}]
    setting = {"Bucket": "open", "CORSConfiguration": {"CORSRules": rules}}
    cloud.call("s3", "PutBucketCors", setting)

    page = visit(address, tmp_path)

    told = json.loads(page.partition('<pre id="told">')[2].partition("</pre>")[0])
    assert told.pop("open") == "200 rows", told
    sent = {name for name, how in told.items() if how == "sent"}
    assert sent == {"query post", "query get", "function"}  # the browser let them out
    assert {how for name, how in told.items() if name not in sent} == {"TypeError"}
    assert cloud.call("sqs", "ListQueues").get("QueueUrls", []) == []
    assert cloud.call("lambda", "ListFunctions")["Functions"] == []
    assert cloud.apis["s3"].keys("data") == ["k"]


def test_a_name_that_was_bent_to_this_machine_reads_nothing(evil, tmp_path):
    cloud, _ = evil
    for path in ("/_everloop/access", "/data/k?AWSAccessKeyId=e&Signature=x&Expires=4000000000"):
        page = visit(f"http://evil.example:{cloud.port}{path}", tmp_path)
        assert "This cloud is not" in page and "rows" not in page


def test_a_presigned_address_opens_in_the_address_line(evil, tmp_path):
    cloud, _ = evil
    page = visit(f"{cloud.url}/data/k?AWSAccessKeyId=ana&Signature=x&Expires=4000000000", tmp_path)
    assert "rows" in page
