import socket
import sys
import threading

def recvall(sock, delim):
    data = b""
    while True:
        more = sock.recv(1)

        if more == delim:
            break
        data += more
    return data

class Atendimento(threading.Thread):
    def __init__(self,sc):
        super().__init__()
        self.sc = sc

    def run(self):
        print("Atendendo Cliente",self.sc.getpeername())

        msg = recvall(self.sc,b"\n").decode().upper() + "\n"
        self.sc.sendall(msg.encode())

        self.sc.close()

def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(('127.0.0.1', int(sys.argv[1])))
    sock.listen(5)

    print("Ouvindo em", sock.getsockname())

    MAX_THREADS = 4
    l_threads = []

    while True:
        sc, sockname = sock.accept()

        l_threads.append(Atendimento(sc))
        l_threads[-1].start()

        while len(l_threads) >= MAX_THREADS:
            l_threads = [t for t in l_threads if t.is_alive()]

    return 0

main()
