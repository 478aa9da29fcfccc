"""What customers have ordered from the reference plant, and what material is bought for it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from factory_assets.reference_plant.erp.floor import HOLIDAYS, MATERIAL_OF, WORKDAYS, ZONE, Rows

DAYS_IN_BOOK = 5
ORDERS_A_DAY = {"casting": 4, "panel": 4, "board": 2, "cover": 2}
PIECES = {"casting": (150, 450), "panel": (200, 600), "board": (80, 240), "cover": (150, 450)}
STEP_PIECES = 10
# Customer: what an hour of lateness costs, share of the orders.
CUSTOMERS = ((20.0, 0.5), (50.0, 0.35), (120.0, 0.15))
LEAD_DAYS = (1, 4)
DUE = dt.time(18, 0)
# In stock is what the first days of the first book need; the rest is promised for noon.
STOCK_DAYS, DELIVERY = 2, dt.time(12, 0)


def book_days(day: dt.date) -> list[dt.date]:
    """The workdays whose orders the book of a day holds: from the one before it."""
    return workdays(day, DAYS_IN_BOOK, back=1)


def orders_of(days: Iterable[dt.date], seed: int) -> Rows:
    """The orders that are released on these days; orders of a date are the same in all books that hold them."""
    return [order for day in days for order in _orders_of(day, seed)]


def opening_stock(days: Sequence[dt.date], seed: int) -> dict[str, float]:
    """What lies in stock when the first book is opened: what the orders of its first days need."""
    stock: dict[str, float] = dict.fromkeys((material for material, _ in MATERIAL_OF.values()), 0.0)
    for day in days[:STOCK_DAYS]:
        for material, quantity in _need(day, seed).items():
            stock[material] = round(stock[material] + quantity, 3)
    return stock


def deliveries_of(days: Iterable[dt.date], seed: int) -> Rows:
    """What is ordered for the orders of these days: promised for noon of the day on which they are released."""
    return [
        {
            "delivery_id": f"{day:%y%m%d} {material}",
            "material_id": material,
            "due_utc": local(day, DELIVERY),
            "quantity": round(quantity, 3),
        }
        for day in days
        for material, quantity in _need(day, seed).items()
    ]


def workdays(day: dt.date, count: int, *, back: int = 0) -> list[dt.date]:
    """So many workdays, from `back` workdays before `day`."""
    first = day
    for _ in range(back):
        first -= dt.timedelta(days=1)
        while not is_workday(first):
            first -= dt.timedelta(days=1)
    found: list[dt.date] = []
    while len(found) < count:
        if is_workday(first):
            found.append(first)
        first += dt.timedelta(days=1)
    return found


def local(day: dt.date, time: dt.time) -> dt.datetime:
    """That time of the day at the plant, in UTC."""
    return dt.datetime.combine(day, time, ZoneInfo(ZONE)).astimezone(dt.UTC)


def _orders_of(day: dt.date, seed: int) -> Rows:
    rng = random.Random(f"{seed} orders {day.isoformat()}")  # noqa: S311
    orders: Rows = []
    for product, count in ORDERS_A_DAY.items():
        for _ in range(count):
            low, high = PIECES[product]
            cost = rng.choices([cost for cost, _ in CUSTOMERS], [share for _, share in CUSTOMERS])[0]
            orders.append(
                {
                    "order_id": f"{day:%y%m%d}-{len(orders) + 1:02d}",
                    "product_id": product,
                    "pieces": rng.randrange(low, high + 1, STEP_PIECES),
                    "release_utc": local(day, dt.time(6, 0)),
                    "due_utc": local(workdays(day, rng.randint(*LEAD_DAYS) + 1)[-1], DUE),
                    "late_cost_per_h": cost,
                    "state": "released",
                    "batch_id": f"{day:%y%m%d} boards" if product == "board" else None,
                }
            )
    return orders


def _need(day: dt.date, seed: int) -> dict[str, float]:
    need = dict.fromkeys((material for material, _ in MATERIAL_OF.values()), 0.0)
    for order in _orders_of(day, seed):
        material, per_piece = MATERIAL_OF[order["product_id"]]
        need[material] += per_piece * order["pieces"]
    return need


def is_workday(day: dt.date) -> bool:
    """Whether the plant works on that day."""
    return day.isoweekday() in WORKDAYS and (day.month, day.day) not in HOLIDAYS
