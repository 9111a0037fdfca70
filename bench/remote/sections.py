"""What is measured: each section has servers, entries that are sampled in turns, and checks of what came out."""

import contextlib
import json
import os
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import clients
from clients import Entry
from servers import Link, fault_server, s3_server, web_server

BUCKET = "models-to-measure"

Result = dict


@dataclass
class Plan:
    """What the caller wants, and the files: model.tensors, sealed.tensors, model.safetensors and key in `folder`."""

    folder: str
    runs: int
    warmup: int
    wrk_seconds: int

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def size(self, name: str) -> int:
        return os.path.getsize(self.path(name))


def rate(sample: dict) -> float:
    return sample["bytes"] / sample["seconds"] / 1e9


def per_gb(name: str) -> Callable[[dict], float]:
    return lambda sample: sample[name] / sample["bytes"] * 1e9


def median(entry: Entry, value: Callable[[dict], float]) -> float:
    return statistics.median(map(value, entry.samples))


def ratio(entry: Entry, to: Entry, value: Callable[[dict], float] = rate) -> float:
    """The median of the rounds' own ratios."""
    return statistics.median(value(a) / value(b) for a, b in zip(entry.samples, to.samples))


def best(entries: list[Entry]) -> Entry:
    return max(entries, key=lambda entry: median(entry, rate))


def check(what: str, value: float, least: float | None = None, most: float | None = None) -> dict:
    met = (least is None or value >= least) and (most is None or value <= most)
    return {"what": what, "value": value, "least": least, "most": most, "met": met}


def result(title: str, entries: list[Entry], checks: list[dict]) -> Result:
    def told(entry: Entry) -> dict:
        rates = [rate(sample) for sample in entry.samples]
        spread = {"median": statistics.median(rates), "min": min(rates), "max": max(rates)}
        return {"name": entry.name, "ours": entry.ours, "gb_per_s": spread, "samples": entry.samples}

    return {"title": title, "entries": [told(entry) for entry in entries], "checks": checks}


def body(plan: Plan) -> Result:
    """The loop's thread alone: bench/http.cpp."""
    program = os.path.join(os.path.dirname(clients.TZ), "http_bench")
    command = [program, f"--benchmark_repetitions={plan.runs}", "--benchmark_enable_random_interleaving=true"]
    command += ["--benchmark_min_time=0.25", "--benchmark_format=json"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    samples: dict[str, Entry] = {}
    for run in said["benchmarks"]:
        if run["run_type"] != "iteration":
            continue
        name = run["run_name"].replace("/real_time", "")
        entry = samples.setdefault(name, Entry(name, dict, ours="_by_" not in name))
        one = {"bytes": 1e9, "seconds": 1e9 / run["bytes_per_second"], "loop_cpu_seconds": run["cpu_s_per_GB"]}
        entry.samples.append(one)
    cost = {name: median(entry, per_gb("loop_cpu_seconds")) for name, entry in samples.items()}
    checks = [
        check("plain body, loop thread, CPU s/GB, 1 connection", cost["plain/1"], most=0.22),
        check("plain body, loop thread, CPU s/GB, 4 connections", cost["plain/4"], most=0.22),
        check("TLS body, loop thread, CPU s/GB, 1 connection", cost["tls/1"], most=0.55),
        check("TLS body, loop thread, CPU s/GB, 4 connections", cost["tls/4"], most=0.7),
    ]
    return result("Bodies alone, from a thread that sends memory (http_bench)", list(samples.values()), checks)


def http(plan: Plan) -> Result:
    with web_server(plan.path("web"), plan.folder) as web:
        url = web.url + "/model.tensors"
        ours = clients.tz("auto", [url])
        one = clients.tz("1 connection", [url], "--concurrency=1")
        four = clients.tz("4 connections", [url], "--concurrency=4")
        others = clients.floor_of(url, plan.size("model.tensors"), plan.wrk_seconds)
        entries = [ours, one, four, *others]
        clients.measure(entries, plan.runs, plan.warmup)
    loop = per_gb("loop_cpu_seconds")
    checks = [
        check("HTTP, loop threads, CPU s/GB", median(ours, loop), most=0.22),
        check("HTTP, loop threads, CPU s/GB, 1 connection", median(one, loop), most=0.22),
        check("HTTP, of the best of curl and wrk", ratio(ours, best(others)), least=0.95),
        check("HTTP, of one curl", ratio(ours, others[0]), least=1.3),
    ]
    return result("HTTP: nginx, 2 workers", entries, checks)


def https(plan: Plan) -> Result:
    with web_server(plan.path("web"), plan.folder) as web:
        url = web.tls_url + "/model.tensors"
        trust = "--ca-file=" + web.authority
        ours = clients.tz("auto", [url], trust)
        one = clients.tz("1 connection, 1 loop", [url], trust, "--concurrency=1", "--loops=1")
        four = clients.tz("4 connections, 1 loop", [url], trust, "--concurrency=4", "--loops=1")
        twice = clients.tz("4 connections, 2 loops", [url], trust, "--concurrency=4", "--loops=2", spread=True)
        others = clients.floor_of(url, plan.size("model.tensors"), plan.wrk_seconds, "--cacert", web.authority)
        entries = [ours, one, four, twice, *others]
        clients.measure(entries, plan.runs, plan.warmup)
    loop = per_gb("loop_cpu_seconds")
    spread = statistics.median(sample["second_thread_share"] for sample in twice.samples)
    checks = [
        check("HTTPS, loop thread, CPU s/GB, 1 connection", median(one, loop), most=0.55),
        check("HTTPS, loop thread, CPU s/GB, 4 connections", median(four, loop), most=0.7),
        check("HTTPS, of one curl", ratio(ours, others[0]), least=1.2),
        check("HTTPS, CPU s/GB of 2 loops, of 1 loop", ratio(twice, four, per_gb("cpu_seconds")), most=1.1),
        check("HTTPS, CPU of the less busy of 2 loops, of the other", spread, least=0.8),
    ]
    return result("HTTPS: nginx, 2 workers, TLS 1.3", entries, checks)


def shaped(plan: Plan, name: str, bits: str) -> Result:
    link = Link(bits)
    size = plan.size("model.tensors")
    with web_server(plan.path("web"), plan.folder) as web:
        url = web.url + "/model.tensors"
        ours = clients.tz("auto", [url])
        others = clients.floor_of(url, size, plan.wrk_seconds)
        clients.measure([ours, *others], plan.runs, plan.warmup)
    nominal = statistics.median(link.nominal_seconds(s["bytes"]) / s["seconds"] for s in ours.samples)
    checks = [
        check(f"{name} link, of the best of curl and wrk", ratio(ours, best(others)), least=0.97),
        check(f"{name} link, of its nominal rate", nominal, least=0.97),
    ]
    return result(f"HTTP over a link of {name} ({link.drops()} packets dropped)", [ours, *others], checks)


def verified(plan: Plan) -> Result:
    Link("4gbit")
    with web_server(plan.path("web"), plan.folder) as web:
        plain_url, sealed_url = (web.url + "/" + name for name in ("model.tensors", "sealed.tensors"))
        key = "--key-file=" + plan.path("key")
        size = plan.size("model.tensors")
        plain = clients.tz("plain", [plain_url], into_memory=size)
        others = [
            clients.tz("CRC-32", [plain_url], "--verify=crc32", into_memory=size),
            clients.tz("SHA-256", [plain_url], "--verify=sha256", into_memory=size),
            clients.tz("decrypted", [sealed_url], key, into_memory=size),
        ]
        clients.measure([plain, *others], plan.runs, plan.warmup)
    checks = [check(f"4 Gbit/s link, {e.name}, of the plain load", ratio(e, plain), least=0.95) for e in others]
    return result("Into memory over a link of 4 Gbit/s", [plain, *others], checks)


@contextlib.contextmanager
def bucket(plan: Plan):
    """A bucket with the files: a URL of model.tensors that anyone may use, and the environment of those who sign."""
    import boto3  # takes a second: not for the other sections
    from botocore.config import Config

    with s3_server(plan.path("s3")) as s3:
        os.environ.update(s3)
        client = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, proxies={}))
        client.create_bucket(Bucket=BUCKET)
        for name in ("model.tensors", "model.safetensors"):
            client.upload_file(plan.path(name), BUCKET, name)
        asked = {"Bucket": BUCKET, "Key": "model.tensors"}
        yield client.generate_presigned_url("get_object", Params=asked, ExpiresIn=86400), s3


def s3(plan: Plan) -> Result:
    size = plan.size("model.tensors")
    with bucket(plan) as (presigned, environment):
        url = f"s3://{BUCKET}/model.tensors"
        ours = clients.tz("auto", [url], more=environment)
        owned = clients.tz("into memory", [url], into_memory=size, more=environment)
        others = clients.floor_of(presigned, size, plan.wrk_seconds)
        runai_environment = environment | {"RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING": "0"}
        safetensors = f"s3://{BUCKET}/model.safetensors"
        runai = clients.peer("Run:ai streamer, into memory", "runai", size, runai_environment, safetensors)
        tensorizer = clients.peer("tensorizer, into memory", "tensorizer", size, environment, url)
        entries = [ours, owned, *others, runai, tensorizer]
        clients.measure(entries, plan.runs, plan.warmup)
    checks = [
        check("S3, of the best of curl and wrk", ratio(ours, best(others)), least=0.95),
        check("S3, of Run:ai streamer", ratio(ours, runai), least=1.5),
        check("S3, of tensorizer", ratio(ours, tensorizer), least=2),
        check("S3, both into memory, of Run:ai streamer", ratio(owned, runai)),
        check("S3, both into memory, of tensorizer", ratio(owned, tensorizer)),
    ]
    return result("S3: Ceph's gateway, in memory", entries, checks)


def faults(plan: Plan) -> Result:
    """One load of eight objects, so that a request that stalls at the end of one does not hold up the others."""
    Link("1gbit")
    names = [f"model-{i}.tensors" for i in range(8)]
    for name in names:
        with contextlib.suppress(FileExistsError):
            os.link(plan.path("model.tensors"), plan.path(name))
    with fault_server(plan.folder) as server:

        def entry(kind: str) -> Entry:
            load = clients.tz(kind, [f"{server.url}/{kind}/{name}" for name in names])

            def sample() -> dict:
                server.take_counts()
                made = load.run()
                return made | {"server": server.take_counts()[kind]}

            return Entry(kind, sample, ours=True)

        clean, faulty = entry("clean"), entry("faulty")
        clients.measure([clean, faulty], min(plan.runs, 3), 0)
    seconds = ratio(faulty, clean, lambda sample: sample["seconds"])
    requests = ratio(faulty, clean, lambda sample: sample["server"]["requests"])
    checks = [
        check("1 Gbit/s link, faults: time, of none", seconds, most=1.5),
        check("1 Gbit/s link, faults: requests, of none", requests, most=1.2),
    ]
    return result("8 objects over 1 Gbit/s: 5 % of requests 503, 2 % reset, 1 % stalled", [clean, faulty], checks)


SECTIONS: dict[str, Callable[[Plan], Result]] = {
    "body": body,
    "http": http,
    "https": https,
    "shaped10": lambda plan: shaped(plan, "10 Gbit/s", "10gbit"),
    "shaped1": lambda plan: shaped(plan, "1 Gbit/s", "1gbit"),
    "verified": verified,
    "s3": s3,
    "faults": faults,
}
