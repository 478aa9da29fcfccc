select
    plant,
    fleet,
    state_channel,
    running_value,
    failed_value,
    overhaul_value,
    cycle_length_s,
    sample_period_s
from {{ source('lake', 'fleet_catalogue') }}
