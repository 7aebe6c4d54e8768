#!/usr/bin/env python3
"""A meter whose balance is on the server, to copy from. docs/guide/own-meter.md explains every rule that it follows.

    PASSWORD=... LINK_KEY=... own-meter.py HOST:PORT NUMBER MEMORY_FILE

With CA=FILE it encrypts, and trusts the authority in that file. With CERT=FILE and KEY=FILE it shows a certificate instead of a password.

It prints every message: > is what it sends, < what it receives. On Debian it needs python3-paho-mqtt and python3-cbor2.
"""
import base64, hashlib, hmac, json, os, secrets, sys, time
import cbor2
import paho.mqtt.client as mqtt

WINDOW, SEND_AGAIN_S = 64, 10
CONFIG_KEYS = {"payment_mode", "imp_per_kwh", "reading_s", "tz_min"}
(host, port), number, memory_file = sys.argv[1].split(":"), sys.argv[2], sys.argv[3]
started = last_ack = time.monotonic()
sent = 0  # the newest record that was sent on this connection
memory = {"store": secrets.token_hex(8), "boot": 0, "next": 1, "records": [], "counter": 0, "answers": [],
          "register_wh": 0, "cut": False, "lease": 0, "max_register_wh": 0,
          "reading_s": 1800, "config": {"version": 0, "hash": ""}}
if os.path.exists(memory_file):
    memory = json.load(open(memory_file))

def save():
    """Make the memory durable. A power cut leaves the old file or the new one, never half of one."""
    with open(memory_file + ".new", "w") as file:
        json.dump(memory, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(memory_file + ".new", memory_file)

def measured_wh():
    """Your hardware: return the energy since the last call, a second ago, in Wh. This meter pretends to supply 3,600 W."""
    return 0 if reasons() else 1

def reasons():
    """Say why the supply is off. Your hardware: close the relay while this list is empty, else open it."""
    used_up = memory["register_wh"] >= memory["max_register_wh"]
    return (["REMOTE"] if memory["cut"] else []) + (["LEASE"] if used_up else [])

def record(kind, **fields):
    """Add a record with the next number. It must be saved before it is sent."""
    head = {"seq": memory["next"], "at": int(time.time()), "up": int((time.monotonic() - started) * 1000), "clock": "valid"}
    memory["records"].append([kind, {**head, **fields}])
    memory["next"] += 1

def reading():
    left = max(0, memory["max_register_wh"] - memory["register_wh"])
    relay = "open" if reasons() else "closed"
    record("reading", register_wh=memory["register_wh"], balance_wh=left, relay=relay, reasons=reasons())

def obey(kind, order):
    """Carry out an order. Return the resulting state and the reason."""
    if order["counter"] <= memory["counter"]:
        return "failed", "counter"
    memory["counter"] = order["counter"]
    what = order["type"] if kind == "command" else kind
    if order["expires_at"] < time.time():
        return "failed", "expired"
    elif what == "disconnect" or what == "connect":
        memory["cut"] = what == "disconnect"
    elif what == "lease" and order["seq"] <= memory["lease"]:
        return "failed", "old"
    elif what == "lease":
        memory["lease"], memory["max_register_wh"] = order["seq"], order["max_register_wh"]
    elif what == "config" and not set(order["config"]) <= CONFIG_KEYS:
        return "failed", "config"
    elif what == "config":
        memory["config"] = {"version": order["version"], "hash": order["hash"]}
        memory["reading_s"] = order["config"].get("reading_s", 1800)
    elif what == "read":
        reading()
    else:
        return "failed", "unknown"
    return "done", ""

def signed(topic, payload):
    """Check the MAC of a message, carry out its order once, and answer it."""
    envelope = json.loads(payload)
    body = base64.urlsafe_b64decode(envelope["b"] + "==")
    mac = hmac.new(bytes.fromhex(os.environ["LINK_KEY"]), topic.encode() + b"\0" + body, hashlib.sha256).digest()[:16]
    if not hmac.compare_digest(mac, bytes.fromhex(envelope["mac"])):
        raise ValueError("the MAC is wrong")
    order = cbor2.loads(body)
    print(" ", order, flush=True)
    answers = [a for a in memory["answers"] if a["id"] == order["id"]]
    if not answers:
        state, reason = obey(topic.split("/")[-1], order)
        answers = [{"id": order["id"], "state": state, "reason": reason}]
        if reason != "counter":
            memory["answers"] = memory["answers"][-15:] + answers
    record("command", **answers[0])
    save()  # what the order did, its counter and its answer become durable together

def on_message(client, userdata, message):
    global sent, last_ack
    print(f"< {message.topic} {message.payload.decode()}", flush=True)
    try:
        if not message.topic.endswith("/ack"):
            return signed(message.topic, message.payload)
        ack = json.loads(message.payload)
        memory["records"] = [r for r in memory["records"] if r[1]["seq"] > ack["seq"]]
        sent, last_ack = ack["seq"] if ack.get("rewind") else sent, time.monotonic()
        save()
    except (ValueError, KeyError) as error:
        print("  dropped:", error, flush=True)

def publish(kind, value):
    print(f"> m/{number}/up/{kind} {json.dumps(value)}", flush=True)
    client.publish(f"m/{number}/up/{kind}", json.dumps(value), qos=1)

def on_connect(client, userdata, flags, code):
    global sent
    if code != 0:
        print("  refused:", mqtt.connack_string(code), flush=True)
        return
    client.subscribe(f"m/{number}/down/#", qos=1)
    publish("boot", {"store": memory["store"], "lowest": memory["next"] - len(memory["records"]), "next": memory["next"],
                     "boot": memory["boot"], "proto": 1, "caps": ["lease"], "config": memory["config"]})
    sent = 0  # a new connection: everything that was not acknowledged is sent again

client = mqtt.Client(client_id=number)
if "PASSWORD" in os.environ:
    client.username_pw_set(number, os.environ["PASSWORD"])
if "CA" in os.environ:
    client.tls_set(os.environ["CA"], os.environ.get("CERT"), os.environ.get("KEY"))
client.on_connect, client.on_message = on_connect, on_message
client.connect_async(host, int(port), keepalive=60)
memory["boot"] += 1
reported, next_second, next_reading = None, started, started
while True:
    if client.loop(0.2) != mqtt.MQTT_ERR_SUCCESS:
        time.sleep(2)
        try:
            client.reconnect()
        except OSError as error:
            print("  not connected:", error, flush=True)
    now = time.monotonic()
    while next_second <= now:
        memory["register_wh"] += measured_wh()
        next_second += 1
    if next_reading <= now or reasons() != reported:
        reported, next_reading = reasons(), now + memory["reading_s"]
        reading()
        save()
    if memory["records"] and now - last_ack > SEND_AGAIN_S:
        sent, last_ack = 0, now
    for kind, fields in memory["records"][:WINDOW]:
        if client.is_connected() and fields["seq"] > sent:
            publish(kind, fields)
            sent = fields["seq"]
