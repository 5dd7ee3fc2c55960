"""Never reports a delivery."""

from spoiled import run

run('report(name, sock, "delivered", payload', 'report("", sock, "delivered", payload')
