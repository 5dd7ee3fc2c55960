"""Reports payloads without their last byte."""

from spoiled import run

run("payload=base64.b64encode(frame)", "payload=base64.b64encode(frame[:-1])")
