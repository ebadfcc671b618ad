"""A checkout of playbooks, each for one thing that a provisioner promises."""

PLAY = "- hosts: all\n  gather_facts: false\n  tasks:\n"
FILES = {
    "scenarios/x/passes.yml": PLAY
    + """
    - ansible.builtin.copy: {content: "by Ansible\\n", dest: /root/written, mode: "0640"}
    - ansible.builtin.command: cat /root/written
      changed_when: false
      register: read
    - ansible.builtin.assert: {that: read.stdout == "by Ansible"}
""",
    "scenarios/x/fails.yml": PLAY
    + """
    - name: The web server answers
      ansible.builtin.assert: {that: 1 == 2, fail_msg: nobody listens on port 80}
    - ansible.builtin.copy: {content: "", dest: /root/too-far}
""",
    "scenarios/x/command-fails.yml": PLAY
    + """
    - name: Look for it
      ansible.builtin.shell: echo it is lost >&2; exit 3
""",
    "scenarios/x/forgives.yml": PLAY
    + """
    - ansible.builtin.command: "false"
      ignore_errors: true
    - block:
        - ansible.builtin.command: "false"
      rescue:
        - ansible.builtin.command: "true"
""",
    "scenarios/x/undefined.yml": PLAY + "    - {name: Compare, ansible.builtin.assert: {that: lost == 2}}\n",
    "scenarios/x/undefined-argument.yml": PLAY + '    - {name: Say, ansible.builtin.command: "echo {{ lost }}"}\n',
    "scenarios/x/undefined-in-loop.yml": PLAY
    + '    - {name: Say, ansible.builtin.command: "{{ lost }}", loop: [1, 2]}\n',
    "scenarios/x/undefined-verdict.yml": PLAY
    + "    - {name: Say, ansible.builtin.command: 'true', failed_when: lost}\n",
    "scenarios/x/unparsable-answer.yml": PLAY
    + """    - {name: Compare, ansible.builtin.assert: {that: "('' | from_json) == []"}}\n""",
    "scenarios/x/no-such-argument.yml": PLAY + "    - {name: Make, ansible.builtin.file: {path: /x, sttae: absent}}\n",
    "scenarios/x/no-such-file.yml": PLAY + "    - {name: Copy, ansible.builtin.copy: {src: lost, dest: /root/x}}\n",
    "scenarios/x/no-interpreter.yml": PLAY
    + "    - {name: Say, ansible.builtin.command: 'true', vars: {ansible_python_interpreter: /lost}}\n",
    "scenarios/x/rescued-break.yml": PLAY
    + """
    - block:
        - {name: Compare, ansible.builtin.assert: {that: lost == 2}}
      rescue:
        - {name: Say so, ansible.builtin.fail: {msg: it is not 2}}
""",
    "scenarios/x/forgiven-break.yml": PLAY
    + """
    - {name: Compare, ansible.builtin.assert: {that: lost == 2}, ignore_errors: true}
""",
    "scenarios/x/finds-programs.yml": PLAY
    + """
    - ansible.builtin.command: printenv PATH
      register: path
    - ansible.builtin.assert: {that: "'/usr/local/bin' in path.stdout"}
""",
    "scenarios/x/writes-beside-itself.yml": PLAY
    + """
    - ansible.builtin.stat: {path: "{{ playbook_dir }}/beside"}
      delegate_to: localhost
      register: before
    - ansible.builtin.copy: {content: "", dest: "{{ playbook_dir }}/beside"}
      delegate_to: localhost
    - ansible.builtin.assert: {that: not before.stat.exists}
""",
    "scenarios/x/no-program.yml": PLAY + "    - {name: Run it, ansible.builtin.command: /lost}\n",
    "scenarios/x/no-service.yml": PLAY + "    - {name: Read it, ansible.builtin.slurp: {src: /lost}}\n",
    "scenarios/x/failed-when.yml": PLAY + "    - {name: Say, ansible.builtin.command: 'true', failed_when: true}\n",
    "scenarios/x/loop-fails.yml": PLAY
    + "    - {name: Run, ansible.builtin.command: '{{ item }}', loop: ['true', 'false']}\n",
    "scenarios/x/broken.yml": "- hosts: all\n  tasks:\n    - debug: [\n",
    "scenarios/x/no-role.yml": "- hosts: all\n  roles: [{role: ../../../roles/lost}]\n",
    "scenarios/x/hangs.yml": PLAY + "    - ansible.builtin.shell: sleep 54321 & sleep 54321\n",
    "scenarios/x/starts.yml": PLAY
    + "    - ansible.builtin.shell: nohup sleep 12345 >/dev/null 2>&1 & until pgrep -x -f 'sleep 12345'; do sleep 0.1; done\n",
    "scenarios/x/elsewhere.yml": "- hosts: db-07\n  tasks: [{ansible.builtin.command: 'true'}]\n",
    "scenarios/x/outer-role.yml": "- hosts: all\n  gather_facts: false\n  roles: [{role: ../../../roles/greet}]\n",
    "roles/greet/tasks/main.yml": "- ansible.builtin.template: {src: ../../../templates/greeting.j2, dest: /root/greeting}\n",
    "templates/greeting.j2": "hello {{ inventory_hostname }}",
    "scenarios/x/facts.yml": """
- hosts: all
  gather_facts: true
  tasks: [{ansible.builtin.assert: {that: ansible_facts.hostname == "web-01"}}]
""",
    "scenarios/x/inventory.ini": "[web]\nweb-01 port=8080\nweb-99\n[web:vars]\ncolour=green\n",
    "scenarios/x/groups.yml": """
- hosts: web
  gather_facts: false
  tasks: [{ansible.builtin.assert: {that: [colour == "green", port == 8080, groups.web | length == 2]}}]
""",
    "scenarios/x/redirecting.ini": """
[web]
web-01 ansible_connection=local ansible_host=127.0.0.1 ansible_port=1 ansible_user=nobody ansible_password=x
[web:vars]
ansible_connection=ssh
ansible_incus_project=elsewhere
ansible_incus_socket=/nowhere
ansible_python_interpreter=/bin/false
[all:vars]
ansible_connection=local
ansible_user=nobody
""",
    "scenarios/x/redirecting.yml": """
all:
  vars: {ansible_connection: local, ansible_user: nobody}
  children:
    web:
      vars: {ansible_connection: ssh, ansible_incus_project: elsewhere, ansible_python_interpreter: /bin/false}
      hosts:
        web-01: {ansible_connection: local, ansible_host: 127.0.0.1, ansible_incus_socket: /nowhere, ansible_user: nobody}
""",
    "scenarios/x/marked.yml": PLAY + "    - ansible.builtin.command: cat /run/in-the-sandbox\n",
    "scenarios/x/inventory.yml": """
all:
  vars: {colour: blue}
  children:
    web:
      vars: {colour: green}
      hosts:
        web-01: {port: 8080}
        web-99:
    everything: {children: {web: {}}}
""",
    "scenarios/x/nested.yml": """
- hosts: everything
  gather_facts: false
  tasks: [{ansible.builtin.assert: {that: [colour == "green", port == 8080, groups.web | length == 2]}}]
""",
    "scenarios/x/by-group.ini": "[web]\nweb-01\n[db]\nweb-02\n[all:vars]\ncolour=blue\n",
    "scenarios/x/by-group.yml": """
- hosts: db
  gather_facts: false
  tasks: [{ansible.builtin.copy: {content: "{{ colour }} {{ groups.web | join }}", dest: /root/group}}]
""",
    "scenarios/x/no-inventory.ini": "[web]\nweb-01 port\n",
    "scenarios/x/curious.yml": PLAY
    + """
    - ansible.builtin.assert: {that: "lookup('env', 'SECRET') == ''"}
    - ansible.builtin.shell: test -z "$SECRET"
""",
    "scenarios/x/at-home.yml": PLAY
    + """
    - ansible.builtin.file: {path: ~/at-home, state: touch}
    - ansible.builtin.shell: test "$HOME" = /root && test -z "$PYTHONPATH"
""",
    "scenarios/x/files/app.git/HEAD": "ref: refs/heads/main\n",
    "scenarios/x/files/no__pycache__here": "a file\n",
    "scenarios/x/ships.yml": PLAY
    + """
    - ansible.builtin.copy: {src: app.git, dest: /root/}
    - ansible.builtin.copy: {src: no__pycache__here, dest: /root/}
    - ansible.builtin.command: grep main /root/app.git/HEAD
""",
    "scenarios/x/secretive.yml": PLAY
    + """
    - ansible.builtin.shell: echo hunter2; exit 1
      no_log: true
""",
}
