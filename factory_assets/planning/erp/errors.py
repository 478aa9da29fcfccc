"""What can be wrong with an ERP's database and with what is in it."""

from __future__ import annotations

from factory_assets.foundation.errors import FactoryError


class ErpError(FactoryError):
    """Base of everything that is wrong with an ERP; the schedule in force stays."""


class ErpDownError(ErpError, ConnectionError):
    """The database does not answer."""


class ErpHalfWrittenError(ErpError, ValueError):
    """The database's tables are missing, or the ERP has not written them to their end."""


class ErpInputError(ErpError, ValueError):
    """Rows that no schedule can be made of; every message names the rows and what to do."""


class OrderWithoutRoutingError(ErpInputError):
    """An order whose product has no routing, or a routing without operations or machines."""


class PrecedenceCycleError(ErpInputError):
    """Operations of a routing that wait for each other."""


class UnknownMachineError(ErpInputError):
    """A routing that names a machine which is not in the machine table."""


class NegativeTimeError(ErpInputError):
    """A time, a quantity or a cost below zero."""


class DueBeforeReleaseError(ErpInputError):
    """An order that should end before it may begin."""


class MachineWithoutShiftError(ErpInputError):
    """A machine whose calendar has no shift in the time that is planned."""


class CalendarError(ErpInputError):
    """A calendar with an unknown time zone, or that is not there."""


class UnknownNameError(ErpInputError):
    """A row that names something else which is not there: operation, tool, operator."""


class UnsafeXmlError(ErpInputError):
    """XML with a document type or entities, which could read files or eat memory."""


class B2mmlError(ErpInputError):
    """B2MML that is no operations schedule, or lacks what scheduling needs."""
