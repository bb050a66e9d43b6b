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
    def __init__(self,sc,temp,trava):
        super().__init__()
        self.sc = sc
        self.temp = temp
        self.trava = trava

    def run(self):
        print("Atendendo Cliente",self.sc.getpeername())

        msg = recvall(self.sc,b"\n").decode()

        dados = msg.split(",")
        print("Cliente", self.sc.getpeername(), "enviou",dados)

        self.trava.acquire()
        self.temp[dados[0]] = dados[1:]
        self.trava.release()

        self.sc.sendall(b"BYE\n")

        self.sc.close()

def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(('127.0.0.1', int(sys.argv[1])))
    sock.listen(5)

    print("Ouvindo em", sock.getsockname())

    MAX_THREADS = 4
    l_threads = []

    trava = threading.Lock()
    temp = {}

    while True:
        sc, sockname = sock.accept()

        l_threads.append(Atendimento(sc, temp, trava))
        l_threads[-1].start()

        trava.acquire()
        print(temp)
        trava.release()

        while len(l_threads) >= MAX_THREADS:
            l_threads = [t for t in l_threads if t.is_alive()]

    return 0

main()
