"""Python's own client against the quick start, on one connection that must stay open.

Usage: http_client.py HOST:PORT. Ends with a traceback at the first surprise.
"""

import http.client
import sys

connection = http.client.HTTPConnection(sys.argv[1], timeout=30)
connection.connect()
connection.auto_open = False  # A connection that was closed is not quietly made anew.


def ask(method, path, **arguments):
    connection.request(method, path, **arguments)
    response = connection.getresponse()
    return response.status, response.read()


body = bytes(range(256)) * 4096

assert ask("GET", "/") == (200, b"Hello world!")
assert ask("GET", "/none") == (404, b"Not found!")
assert ask("HEAD", "/") == (200, b"")
assert ask("POST", "/echo", body=body) == (200, body)
assert ask("POST", "/echo", body=b"") == (200, b"")
assert ask("POST", "/echo", body=iter([b"a", b"bc", body]), encode_chunked=True,
           headers={"Transfer-Encoding": "chunked"}) == (200, b"abc" + body)
assert ask("GET", "/user") == (200, b"Created: my_user_email\n")
assert ask("GET", "/user") == (200, b"Found: my_user_email, counter=0\n")

connection.request("GET", "/", headers={"Connection": "close"})
response = connection.getresponse()
assert response.getheader("Connection") == "close"
assert response.read() == b"Hello world!"
print("ok")
