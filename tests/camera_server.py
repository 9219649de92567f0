"""A camera in the network that can be switched off."""

import http.server
import threading


class CameraServer:
    """A network camera: MPEG-TS over HTTP at the speed of the film, until it is switched off."""

    def __init__(self, film, seconds, port=0):
        chunk = len(film) // 40
        off = self._off = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "video/mp2t")
                self.end_headers()
                for start in range(0, len(film), chunk):
                    if off.wait(seconds / 40):
                        return
                    try:
                        self.wfile.write(film[start : start + chunk])
                    except OSError:
                        return

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}/live.ts"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def switch_off(self):
        self._off.set()
        self._server.shutdown()
        self._server.server_close()
