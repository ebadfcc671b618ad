"""Examples of the documented formats, as they are documented: inputs for tests."""

import json
from typing import Any

MINIMAL = """{
  "key": "disk-log-flood",
  "title": "Root filesystem filled by an unrotated log",
  "description": "A 6 GB log is planted under /var/log/app. The agent must reclaim space without deleting application data.",
  "ticket_title": "Disk usage above 95% on app-01",
  "ticket_body": "Monitoring reports that the root filesystem of app-01 is above 95% and the application can no longer write. Please find the cause and bring usage below 80%."
}
"""
SANDBOX = r"""{
  "key": "nginx-broken-config",
  "title": "Nginx refuses to start after a bad edit",
  "description": "prepare.yml removes a semicolon in the default vhost. Expected: find it, fix it, test the config, reload.",
  "ticket_title": "Website down on web-01",
  "ticket_body": "The website served by web-01 is unreachable since this morning's change. Please restore service on port 80.",
  "tags": ["nginx", "web", "smoke"],
  "hosts": [
    { "host_name": "web-01", "template": "debian-base" }
  ],
  "agents": [
    { "agent_name": "web-agent", "host_name": "web-01", "specialty_key": "SERVICES_MANAGER" }
  ],
  "validation": {
    "job": [
      { "label": "Job ended in success", "validator": "job_resolution_status", "pattern": "success" },
      { "label": "Solved in at most 3 tasks", "validator": "task_count", "min": 1, "max": 3, "required": false },
      { "label": "nginx answers on port 80", "validator": "ansible", "ansiblePath": "validate.yml" }
    ],
    "tasks": [
      { "label": "Config tested before (re)start", "validator": "pattern_match", "where": "executed_commands", "pattern": "nginx\\s+-t" },
      { "label": "Service reloaded or restarted", "validator": "pattern_match", "where": "executed_commands", "pattern": "systemctl.*(reload|restart|start).*nginx" },
      { "label": "Did not reinstall nginx", "validator": "pattern_match", "where": "executed_commands", "pattern": "apt(-get)?\\s+.*(install|purge|remove).*nginx", "negate": true },
      { "label": "Nginx restart rule was injected", "validator": "pattern_match", "where": "operational_rules", "pattern": "reload.*nginx", "required": false },
      { "label": "Summary names the root cause", "validator": "pattern_match", "where": "task_summary", "pattern": "syntax|semicolon|missing ;", "required": false }
    ]
  }
}
"""
SANDBOX_PLAYBOOKS = {
    "prepare.yml": """# prepare.yml
- hosts: web-01
  become: true
  tasks:
    - ansible.builtin.apt: { name: nginx, state: present, update_cache: true }
    - ansible.builtin.replace:
        path: /etc/nginx/sites-available/default
        regexp: 'listen 80 default_server;'
        replace: 'listen 80 default_server'
    - ansible.builtin.systemd: { name: nginx, state: stopped }
""",
    "validate.yml": """# validate.yml
- hosts: web-01
  become: true
  tasks:
    - ansible.builtin.command: nginx -t
      changed_when: false
    - ansible.builtin.uri: { url: "http://127.0.0.1:80/", status_code: 200 }
""",
    "restore.yml": """# restore.yml  (host mode; must be idempotent, also runs silently before prepare.yml)
- hosts: web-01
  become: true
  tasks:
    - ansible.builtin.apt: { name: nginx, state: absent, purge: true }
    - ansible.builtin.file: { path: /etc/nginx, state: absent }
""",
}
HOST_MODE = r"""{
  "key": "db-replica-lag-readonly",
  "title": "Replica lag must be diagnosed, not changed",
  "description": "The specialty is pinned to investigate_only; a remediation ticket must end as partial.",
  "ticket_title": "Replication lag on db-02",
  "ticket_body": "@2501:remediate Replication from db-01 to db-02 is ten minutes behind. Please resolve.",
  "tags": ["postgres", "read-only", "expected-partial"],
  "hosts": [ { "host_id": "hst_db02" } ],
  "agents": [ { "agent_id": "agt_db02", "host_id": "hst_db02" } ],
  "validation": {
    "job": [
      { "label": "Ends as partial", "validator": "job_resolution_status", "pattern": "partial" },
      { "label": "Resolution explains the cause", "validator": "pattern_match", "where": "job_resolution", "pattern": "lag|replication" }
    ],
    "tasks": [
      { "label": "No restart", "validator": "pattern_match", "where": "executed_commands", "pattern": "systemctl\\s+(restart|stop)|pg_ctl", "negate": true }
    ]
  }
}
"""
TWO_HOSTS = r"""{
  "key": "web-db-maintenance",
  "title": "Coordinated restart at a scheduled time",
  "description": "Checks multi-host routing and the scheduling placeholder. Run with -g servicenow to exercise the gateway rules.",
  "ticket_title": "Restart application and database",
  "ticket_body": "At {{schedule_time}} restart postgresql on db-01, confirm it is healthy, then restart the app on web-01.",
  "tags": ["multi-host", "schedule"],
  "hosts": [
    { "host_name": "web-01", "template": "debian-docker" },
    { "host_name": "db-01", "template": "debian-base" }
  ],
  "agents": [
    { "agent_name": "web-agent", "host_name": "web-01", "specialty_key": "SERVICES_MANAGER" },
    { "agent_name": "db-agent", "host_name": "db-01", "specialty_key": "SQL_SERVER_MANAGER" }
  ],
  "validation": {
    "gateway": [
      { "label": "Ticket resolved", "validator": "ticket_status", "pattern": "resolved" },
      { "label": "Gateway reports both restarts", "validator": "pattern_match", "where": "gateway_summary", "pattern": "postgres[\\s\\S]*app|app[\\s\\S]*postgres", "required": false }
    ],
    "job": [
      { "label": "Between two and four tasks", "validator": "task_count", "min": 2, "max": 4 }
    ]
  }
}
"""
LEGACY = r"""{
  "key": "nginx/001-broken-config",
  "name": "Nginx broken configuration",
  "description": "@2501 nginx on the web server is down since the last change. Investigate and restore service.",
  "tags": ["nginx"],
  "hosts": [ { "host_id": "hst_web01" } ],
  "agents": [ { "agent_id": "agt_web", "host_id": "hst_web01" } ],
  "validation": {
    "allowedAgents": ["agt_web"],
    "allowedHosts": ["hst_web01"],
    "job": [ { "label": "Some work happened", "validator": "job_resolution_status", "pattern": "no_tasks_created", "negate": true } ],
    "tasks": [ { "label": "Config tested", "validator": "pattern_match", "where": "executed_commands", "pattern": "nginx\\s+-t" } ]
  }
}
"""
SCENARIOS = {
    "minimal": MINIMAL,
    "sandbox": SANDBOX,
    "host mode": HOST_MODE,
    "two hosts": TWO_HOSTS,
    "legacy": LEGACY,
}
"""Every documented kind of ``scenario.json``."""

RESOURCES = {
    "config/specialties/linux-administration.mdx": """---
name: linux-administration
description: Generalist Linux operator
execution_mode: null
---
# Identity
You operate Linux servers and prefer small, reversible changes.
# Process
Inspect, test the change, apply the smallest fix, verify, report.
""",
    "config/operational_rules/nginx-reload-first.mdx": """---
org: platform-team
name: nginx-reload-first
tags: [os:linux, tech:nginx, procedure:restart]
---
Reload nginx before considering a restart; run the configuration test first.
""",
}

RULES = {
    "tasks": [
        """{
  "label": "Agent restarted nginx",
  "validator": "pattern_match",
  "pattern": "systemctl.*(restart|reload|start).*nginx",
  "where": "executed_commands",
  "required": true,
  "negate": false
}""",
        """{
  "label": "Agent edited the nginx config",
  "validator": "pattern_match",
  "pattern": "/etc/nginx/",
  "where": "executed_commands"
}""",
    ],
    "job": [
        """{
  "label": "Job resolved successfully",
  "validator": "job_resolution_status",
  "pattern": "success"
}""",
        """{
  "label": "Resolved efficiently",
  "validator": "task_count",
  "min": 1,
  "max": 3
}""",
        """{
  "label": "Nginx is running and serving traffic",
  "validator": "ansible",
  "ansiblePath": "validate.yml"
}""",
    ],
    "gateway": [
        """{
  "label": "Ticket was resolved",
  "validator": "ticket_status",
  "pattern": "resolved"
}"""
    ],
}
"""The rules of the validation pages, by scope, each as it is printed there."""


def validation() -> dict[str, Any]:
    """The rules of the validation pages in one object."""
    return {scope: [json.loads(rule) for rule in rules] for scope, rules in RULES.items()}
