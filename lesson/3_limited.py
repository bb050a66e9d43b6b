"""Limited threads: four clients are served at a time, the others wait for one of the four slots.
Still wrong: four clients that say nothing keep all four slots. "timeout = 60" in Handler mends it."""
import contextlib, signal, socketserver, sys, threading, time

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        print("Serving client", self.client_address, flush=True)
        with contextlib.suppress(OSError):  # the client may go away at any moment
            line = self.rfile.readline(65537).decode(errors="replace")  # until "\n"; at most 64 KB
            time.sleep(0)  # the work: make it 1, a second, and see who waits for whom
            self.wfile.write(line.upper().encode() if line.endswith("\n") else b"ERR expected a line feed\n")

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = sys.platform != "win32"  # on Windows two servers could share the port
    request_queue_size = 100  # so many may wait to be accepted: the lesson's listen(5)
    slots = threading.Semaphore(4)  # the lesson's MAX_THREADS
    def process_request(self, request, client_address):
        self.slots.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.slots.release()
signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C ends it at once, whatever it waits for
try: server = Server(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 50000), Handler)
except (OSError, OverflowError, ValueError) as error: sys.exit("Cannot listen (%s): take another port" % error)
print("Listening on", server.server_address, flush=True)
server.serve_forever()
