import http.server
import threading
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
thread = threading.Thread(target=server.serve_forever)
thread.start()
try:
    url = f"http://127.0.0.1:{server.server_port}/"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    _result = opener.open(url, timeout=5).read().decode()
finally:
    server.shutdown()
    thread.join()
    server.server_close()
