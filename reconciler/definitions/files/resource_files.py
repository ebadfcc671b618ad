"""The front matter of every documented resource kind, strict. What ``resources pull`` of the documented system writes is right here."""

from typing import Any, Literal

from pydantic import Field

from reconciler.definitions.files.schemas import Name, OneOrMore, Strict, Text


class SpecialtyFile(Strict):
    """Front matter of a specialty; the body is the prompt."""

    org: Name | None = None
    name: Name
    description: str = ""
    execution_mode: Literal["investigate_only"] | None = None


class OperationalRuleFile(Strict):
    """Front matter of an operational rule; the body is its text."""

    org: Name | None = None
    name: Name
    tags: list[Name] = Field(default_factory=list)


class HostFile(Strict):
    """Front matter of a host; the body is what is known about it."""

    org: Name | None = None
    name: Name
    public_ip: Text | None = None
    private_ip: Text | None = None
    additional_names: list[Name] = Field(default_factory=list)
    target_type: Literal["ssh", "winrm"] = "ssh"
    target_port: int | None = Field(default=None, ge=1, le=65_535)
    skip_tls_verify: bool = False
    tags: list[Name] = Field(default_factory=list)
    is_jump_host: bool = False
    jump_host: Name | None = None
    jump_host_credential: Name | None = None
    jump_host_user_credential: Name | None = None
    eligible_subnets: list[Text] = Field(default_factory=list)


class CredentialUse(Strict):
    """A credential that an agent may use, and as what; the order of the list is the order in which they are tried."""

    credential: Name
    credential_role: Literal["ssh_username", "ssh_password", "ssh_private_key", "ssh_public_key"]
    is_required: bool = True


class AgentFile(Strict):
    """Front matter of an agent; it has no body. The engines are keys of the platform's models."""

    name: Name | None = None
    specialty: Name
    host: Name
    main_engine: Name
    secondary_engine: Name
    remote_execution: bool = True
    credential_config: list[CredentialUse] = Field(default_factory=list)


class CredentialFile(Strict):
    """Front matter of a credential; it has no body."""

    org: Name | None = None
    name: Name
    type: Literal["SECRET", "VAULT_PATH"]
    value: str | None = None
    vault_path: Text | None = None
    description: str = ""
    is_agent_accessible: bool = True


class BlacklistFile(Strict):
    """Front matter of a blacklist entry: a glob that is looked for anywhere in a command."""

    org: Name | None = None
    pattern: Text


class _Gateway(Strict):
    """What gateways of every type have; the body is the prompt."""

    org: Name
    active: bool = True
    inbound_override_enabled: bool = False
    outbound_prompt: str | None = None
    outbound_override_enabled: bool = False


class ServiceNowMetadata(Strict):
    """What a ServiceNow gateway may be told; -1 minutes turn the window off."""

    servicenow_escalation_group_id: str | None = None
    dedup_window_minutes: int = Field(default=30, ge=-1)
    assignment_group_filter: OneOrMore | None = None
    environment_filter: OneOrMore | None = None


class NoMetadata(Strict):
    """Nothing."""


class ServiceNowGatewayFile(_Gateway):
    """Front matter of a gateway to ServiceNow, the default."""

    type: Literal["servicenow"] = "servicenow"
    metadata: ServiceNowMetadata = ServiceNowMetadata()


class RunnerGatewayFile(_Gateway):
    """Front matter of the gateway that benchmarks file their tickets with."""

    type: Literal["runner"]
    metadata: NoMetadata = NoMetadata()


class CustomGatewayFile(_Gateway):
    """Front matter of a gateway of any other type."""

    type: Name
    metadata: dict[str, Any] = Field(default_factory=dict)
