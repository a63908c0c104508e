"""A session of requests against the quick start.

Usage: requests_session.py URL. Ends with a traceback at the first surprise.
"""

import sys

import requests

url = sys.argv[1]
session = requests.Session()
session.trust_env = False
body = bytes(range(256)) * 4096


def post(body):
    return session.post(url + "/echo", data=body, timeout=30)


for _ in range(20):
    assert session.get(url + "/", timeout=30).text == "Hello world!"
assert session.head(url + "/", timeout=30).headers["Content-Length"] == "12"
assert session.get(url + "/none", timeout=30).status_code == 404
assert post(body).content == body
assert post(iter([b"a", b"bc", body])).content == b"abc" + body
pools = session.get_adapter(url).poolmanager.pools
assert [pools[key].num_connections for key in pools.keys()] == [1]

# requests sends all of a body before it reads, so the server has to listen to the end.
for _ in range(10):
    for large in (body * 3, iter([body] * 3)):
        refused = post(large)
        assert refused.status_code == 413
        assert refused.text == "413 Error: Payload Too Large: Exceeded limit 2097152\n"
print("ok")
