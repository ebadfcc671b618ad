"""The commands and their options. Heavy parts are imported inside the commands, so that ``--help`` is quick."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from reconciler import __version__
from reconciler.cli.exits import FAILED, complain
from reconciler.core.errors import Invalid, Unavailable

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Benchmarks operations agents from git: what a commit can have changed is run again in fresh sandboxes, "
        "scored for resolution and for compliance, and committed to a results branch."
    ),
    epilog="The configuration is what `--config` names, else `RECONCILER_CONFIG` in the environment, else the first of "
    "config/reconciler.yaml and /etc/reconciler/reconciler.yaml that is there. "
    "Examples: `reconciler validate .`, `reconciler plan`, `reconciler once && reconciler trend`. "
    "Exit codes: 0 done, 1 a scenario failed (with `start --fail-on-error`) or findings, 2 usage or configuration, "
    "3 infrastructure.",
)
sandbox_app = typer.Typer(
    no_args_is_help=True, help="Look after the sandboxes.", epilog="Example: `reconciler sandbox list --json`"
)
app.add_typer(sandbox_app, name="sandbox")

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Configuration file; `reconciler -h` tells its default.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Verbose = Annotated[
    int, typer.Option("--verbose", "-v", count=True, help="-v failed checks, -vv all checks and debug logs.")
]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"reconciler {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Benchmarks operations agents from git."""


@app.command()
def daemon(config: Config = None, verbose: Verbose = 0) -> None:
    """Reconcile until stopped: watch, plan, run, commit.

    SIGTERM lets running trials end and stops; again, at once. SIGHUP reads the configuration again.

    Example: `reconciler daemon --config /etc/reconciler/reconciler.yaml`
    """
    from reconciler.cli import running

    raise typer.Exit(running.daemon(config, verbose))


@app.command()
def once(config: Config = None, json: Json = False, verbose: Verbose = 0) -> None:
    """Reconcile until nothing is due, then exit; 3 when something is left that could not be done.

    Example: `reconciler once && reconciler trend`
    """
    from reconciler.cli import running

    raise typer.Exit(running.once(config, as_json=json, verbose=verbose))


@app.command()
def plan(
    config: Config = None,
    json: Json = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="0 nothing due, 2 something due, 1 error.")
    ] = False,
) -> None:
    """Say what would run and why, and run nothing.

    Example: `reconciler plan --json | jq '.due[].reason'`
    """
    from reconciler.cli import reading

    try:
        code = reading.plan(config, as_json=json, detailed=detailed_exitcode)
    except (Invalid, Unavailable) as error:
        if not detailed_exitcode:
            raise
        code = complain(str(error), FAILED)  # 2 would say that something is due
    raise typer.Exit(code)


@app.command()
def start(
    scenarios: Annotated[str, typer.Option("--scenarios", "-s", help="Keys and tags, separated by commas; * is all.")],
    config: Config = None,
    source: Annotated[str | None, typer.Option(help="git or fs: where scenarios are loaded from.")] = None,
    mode: Annotated[str, typer.Option("--mode", "-m", help="namespace, incus, lima or host.")] = "namespace",
    gateway: Annotated[str, typer.Option("--gateway", "-g", help="Where the ticket is filed: runner.")] = "runner",
    iterations: Annotated[int, typer.Option("--iter", "-i", min=1, help="Iterations per scenario.")] = 1,
    scenarios_path: Annotated[str | None, typer.Option("--scenarios-path", "-p", help="The scenarios' folder.")] = None,
    vm_templates_path: Annotated[
        str | None,
        typer.Option(help="The templates' folder: templates in the folder that source.config names, and no other yet."),
    ] = None,
    env_file: Annotated[
        Path | None,
        typer.Option(help="Lines KEY=VALUE for this process: what the environment has not, such as DATABASE_URL."),
    ] = None,
    main_engine: Annotated[str | None, typer.Option(help="Main engine for all agents of the run.")] = None,
    secondary_engine: Annotated[str | None, typer.Option(help="Secondary engine for all agents of the run.")] = None,
    specialty: Annotated[str | None, typer.Option(help="Specialty for all agents of the run.")] = None,
    parallel: Annotated[bool, typer.Option("--parallel", help="Run at once what fits in the memory.")] = False,
    parallel_ram_cap: Annotated[int | None, typer.Option(help="Memory for --parallel, in GB.")] = None,
    log_file: Annotated[Path | None, typer.Option(help="Write the log there as well.")] = None,
    fail_on_error: Annotated[bool, typer.Option("--fail-on-error", help="Exit 1 when a scenario failed.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Pre-flight only: can these scenarios run here?")] = False,
    json: Json = False,
    verbose: Verbose = 0,
) -> None:
    """Run trials by hand, now, whether they have results or not.

    Example: `reconciler start -s stale-lock,disk -i 3 --specialty careful-operator --fail-on-error`
    """
    from reconciler.cli import by_hand

    request = by_hand.Request(
        scenarios=scenarios,
        source=source,
        mode=mode,
        gateway=gateway,
        iterations=iterations,
        scenarios_path=scenarios_path,
        vm_templates_path=vm_templates_path,
        main_engine=main_engine,
        secondary_engine=secondary_engine,
        specialty=specialty,
        parallel=parallel,
        ram_cap_gb=parallel_ram_cap,
    )
    raise typer.Exit(
        by_hand.start(
            config,
            request,
            env_file=env_file,
            check=check,
            fail_on_error=fail_on_error,
            as_json=json,
            verbose=verbose,
            log_file=log_file,
        )
    )


app.command("run", hidden=True, help="An alias of start.")(start)


@app.command()
def validate(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[DIR|TRIAL|BATCH]",
            help="A definitions directory [default: the configured source]; or a trial or batch, by id or path, to grade again.",
        ),
    ] = None,
    config: Config = None,
    json: Json = False,
    sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0 for code scanners.")] = False,
    migrate: Annotated[
        bool,
        typer.Option(
            "--migrate",
            help="First rewrite scenario files of versions 0.3 and 0.4 in the newest shape, in the working directory. "
            "Nothing else in them changes, wrong files are left alone, and no trial runs again because of it.",
        ),
    ] = False,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="Grade the trial or batch by this scenario.json; any version's.")
    ] = None,
) -> None:
    """Find everything that is wrong with the definitions: file, line, what to write instead. Or grade a recorded trial or batch again.

    Grading writes nothing; 1 when a trial fails, 3 when its evidence is missing or altered.

    Example: `reconciler validate .`, `reconciler validate --migrate .`, `reconciler validate 4f0c1aa2 --rules scenario.json`
    """
    if json and sarif:
        raise Invalid("--json and --sarif are two forms of the same", hint="choose one")
    form: Literal["text", "json", "sarif"] = "sarif" if sarif else "json" if json else "text"
    directory = None if target is None else Path(target)
    if migrate:
        from reconciler.cli import migrating

        raise typer.Exit(migrating.migrate(config, directory, form))
    from reconciler.cli import grading, reading

    if target is not None and not grading.is_definitions(Path(target)):
        raise typer.Exit(grading.validate(config, target, rules, form))
    if rules is not None:
        raise Invalid("--rules grades a trial or a batch, and none was named", hint="write its id or path")
    raise typer.Exit(reading.validate(config, directory, form))


@app.command()
def check(
    scenarios: Annotated[list[str], typer.Argument(metavar="SCENARIO...", help="Keys and tags; '*' is all.")],
    config: Config = None,
    mode: Annotated[str, typer.Option("--mode", "-m", help="namespace or incus.")] = "namespace",
    again: Annotated[bool, typer.Option("--again", help="Play what is proven already as well.")] = False,
    json: Json = False,
    verbose: Verbose = 0,
) -> None:
    """Prove scenarios: untouched they fail, their solution passes, their mutants fail; 1 when one is not proven.

    Example: `reconciler check stale-lock disk --mode incus`
    """
    from reconciler.cli import checking

    raise typer.Exit(checking.check(config, scenarios, mode, again=again, as_json=json, verbose=verbose))


@app.command()
def status(config: Config = None, json: Json = False) -> None:
    """Show what runs, waits or is stuck, and how each series stands.

    Example: `reconciler status`
    """
    from reconciler.cli import reading

    raise typer.Exit(reading.status(config, as_json=json))


@app.command()
def trend(
    scenario: Annotated[str | None, typer.Argument(help="Only the series of this scenario: a key or a tag.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show each series over time, batch by batch, with its verdicts.

    Example: `reconciler trend stale-lock`
    """
    from reconciler.cli import reading

    raise typer.Exit(reading.trend(config, scenario, as_json=json))


@sandbox_app.command("list")
def sandbox_list(config: Config = None, json: Json = False) -> None:
    """Show the sandboxes that exist, and which are orphans.

    Example: `reconciler sandbox list --json`
    """
    from reconciler.cli import sandboxes

    raise typer.Exit(sandboxes.show(config, as_json=json))


@sandbox_app.command("purge-vms")
def sandbox_purge(
    config: Config = None,
    mode: Annotated[str | None, typer.Option("--mode", "-m", help="Only sandboxes of this mode.")] = None,
) -> None:
    """Destroy what interrupted runs of this installation left behind. Templates and running trials are not touched.

    Example: `reconciler sandbox purge-vms --mode incus`
    """
    from reconciler.cli import sandboxes

    raise typer.Exit(sandboxes.purge(config, mode))


@app.command()
def demo(
    directory: Annotated[Path | None, typer.Option("--dir", help="Where to make the two repositories.")] = None,
    incus: Annotated[bool, typer.Option("--incus", help="Insist on Incus.")] = False,
) -> None:
    """Show the whole loop on a repository that it makes: commits in, scored trials out.

    Example: `reconciler demo --dir /tmp/reconciler-demo`
    """
    from reconciler.cli import demonstration

    raise typer.Exit(demonstration.run(directory, incus=incus))
