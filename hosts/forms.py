"""The fields of a host with their labels and help. The use case decides what is allowed."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms

from hosts.facts.endpoint import Transport
from hosts.models import Host, HostGroup
from hosts.usecases import groups
from hosts.usecases.host_fields import HostFields
from kvmweb.web.plain import PlainField, ReasonField, ReasonForm

_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class GroupForm(ReasonForm):
    name = PlainField(max_length=groups.LONGEST, label="Name")
    site = PlainField(
        max_length=groups.LONGEST,
        required=False,
        label="Site",
        help_text="What people of teams read instead of a host's name, such as Site north. Empty: nothing.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs |= _PLAIN | {"class": "form-control"}


class HostForm(forms.ModelForm):  # type: ignore[type-arg]
    transport = forms.ChoiceField(
        label="kvmweb connects by",
        choices=[
            (Transport.SSH.value, "ssh (encrypted, with kvmweb's key)"),
            (Transport.TLS.value, "tls (encrypted, with certificates)"),
            (Transport.TCP.value, "tcp (not encrypted, for trusted networks only)"),
            (Transport.UNIX.value, "local socket (the machine kvmweb runs on)"),
        ],
        initial=Transport.SSH.value,
    )
    peer_transport = forms.ChoiceField(
        label="Other hosts connect by",
        choices=[
            ("", "same as kvmweb"),
            *((way.value, way.value) for way in (Transport.SSH, Transport.TLS, Transport.TCP)),
        ],
        required=False,
    )
    group = forms.ChoiceField(
        label="Group", required=False, help_text="Its site is what people of teams read instead of the host's name."
    )
    reason = ReasonField()
    fingerprint = forms.CharField(required=False, widget=forms.HiddenInput)
    host_key = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Host
        fields = (
            "name", "transport", "address", "port", "user", "peer_transport", "peer_address", "peer_user",
            "migration_address", "fingerprint", "host_key",
        )  # fmt: skip
        labels: ClassVar = {
            "peer_address": "Address for other hosts",
            "peer_user": "User for other hosts",
            "migration_address": "Migration address",
        }
        help_texts: ClassVar = {
            "name": "The host's name in kvmweb, for example kvm-a.",
            "address": "IP address or name at which kvmweb reaches the host. Empty for the local socket.",
            "port": "Default: 22 for ssh, 16514 for tls, 16509 for tcp.",
            "user": "For ssh: root, or a user in the libvirt group. Default: the user kvmweb runs as.",
            "peer_address": "If other hosts reach it at another address. Default: the address above.",
            "peer_user": "For ssh. Default: the user above.",
            "migration_address": "Memory and disks of migrating VMs are sent to this address, in the migration"
            " network. Default: the hostname that libvirt on this host reports.",
        }
        widgets: ClassVar = {
            name: forms.TextInput(attrs=_PLAIN)
            for name in ("name", "address", "user", "peer_address", "peer_user", "migration_address")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].widget.attrs |= _PLAIN
        names = HostGroup.objects.values_list("name", flat=True)
        cast("forms.ChoiceField", self.fields["group"]).choices = [("", "none"), *((name, name) for name in names)]
        self.initial.setdefault("group", self.instance.group.name if self.instance.group else "")
        self.fields["reason"].help_text = "For the journal."
        for field in self.fields.values():
            if not field.widget.is_hidden:
                field.widget.attrs["class"] = "form-select" if isinstance(field, forms.ChoiceField) else "form-control"

    def host_fields(self) -> HostFields:
        """For the use cases, from a valid form: every field but the reason."""
        return cast("HostFields", {name: self.cleaned_data[name] for name in (*self.Meta.fields, "group")})

    def _post_clean(self) -> None:
        """The use case checks the row: a check here would give each error twice."""
