#!/usr/bin/env python3
"""cluster.py DIR - the server of ../apiserver.py with what k8ssweep also meets.

  DIR/cronjob.json   the CronJob that is there, by whatever name is asked for
  DIR/jobs-status    what is put into a POSTed Job as its status, JSON (default {})
  DIR/post           what goes wrong with a POST, as DIR/mode: a word and how often, or
                     "WORD after N": the first N are taken; besides the words of DIR/mode
                     quota, policy, invalid, hang
"""
import json, os, sys, threading
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import apiserver as base

QUOTA = ("exceeded quota: logsweep, requested: count/jobs.batch=1, used: count/jobs.batch=3, "
         "limited: count/jobs.batch=3")
POLICY = ("ValidatingAdmissionPolicy 'logsweep-same' with binding 'logsweep-same' denied request: "
          "containers is not what CronJob sweep has")


names, lock = set(), threading.Lock()


class Cluster(base.Answer):
    disable_nagle_algorithm = True  # as in API servers; else each answer waits 40 ms

    def post_mode(self):
        words = (base.text_of("post") or "").split()
        if len(words) == 3:
            done = len((base.text_of("jobs") or "").splitlines())
            return words[0] if done >= int(words[2]) else ""
        if len(words) == 2:
            left = int(words[1]) - 1
            with open(os.path.join(base.root, "post"), "w") as f:
                f.write(f"{words[0]} {left}" if left > 0 else "")
        return words[0] if words else ""

    def refuse(self, mode, name):
        if mode == "quota":
            self.send_status(403, "Forbidden", f'jobs.batch "{name}" is forbidden: {QUOTA}',
                             details={"name": name, "group": "batch", "kind": "jobs"})
        elif mode == "policy":
            self.send_status(422, "Invalid", f'jobs.batch "{name}" is forbidden: {POLICY}',
                             details={"name": name, "group": "batch", "kind": "jobs"})
        elif mode == "403":
            self.send_status(403, "Forbidden", 'jobs.batch is forbidden: User "system:'
                             'serviceaccount:logsweep:dispatch" cannot create resource "jobs" in '
                             'API group "batch" in the namespace "logsweep"',
                             details={"group": "batch", "kind": "jobs"})
        else:
            return self.wrong(mode, "jobs", "create")
        return True

    def route(self, path, query, mode, body):
        if self.command == "GET" and "/cronjobs/" in path:
            kept = base.text_of("cronjob.json")
            name = path.split("/")[-1]
            if kept:
                return self.send(200, kept)
            return self.send_status(404, "NotFound", f'cronjobs.batch "{name}" not found',
                                    details={"name": name, "group": "batch", "kind": "cronjobs"})
        if path == "/api/v1/nodes":
            want = query.get("labelSelector", [""])[0]
            nodes = base.items_of("nodes.json")
            if want:
                key, _, value = want.partition("=")
                nodes = [n for n in nodes
                         if n["metadata"].get("labels", {}).get(key) == value]
            return self.send_list("NodeList", nodes, query, mode == "half")
        super().route(path, query, mode, body)

    def post_job(self, job):
        mode = self.post_mode()
        if mode == "lost":  # made, but nobody hears of it
            self.send = lambda *a, **k: None
            self.create(job)
            self.close_connection = True
            self.connection.close()
            return
        if mode and self.refuse(mode, job["metadata"]["name"]):
            return
        self.create(job)

    def create(self, job):
        name = job["metadata"]["name"]
        with lock:
            if not os.path.exists(os.path.join(base.root, "jobs")):
                names.clear()
            if name in names:
                return self.send_status(409, "AlreadyExists",
                                        f'jobs.batch "{name}" already exists',
                                        details={"name": name, "group": "batch", "kind": "jobs"})
            names.add(name)
            job["status"] = json.loads(base.text_of("jobs-status", "{}"))
            with open(os.path.join(base.root, "jobs"), "a") as f:
                f.write(json.dumps(job) + "\n")
        self.send(201, json.dumps(job))


if __name__ == "__main__":
    base.main(Cluster)
