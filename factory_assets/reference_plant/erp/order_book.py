"""The reference plant's order book on a day: what customers have ordered, and what material there is and comes."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any
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
# In stock is what the first days need; the rest comes at noon, spread over the book.
STOCK_DAYS, DELIVERY = 2, dt.time(12, 0)


def order_rows(day: dt.date, seed: int) -> dict[str, Rows]:
    """Rows of the tables that change daily.

    The book holds the orders of five workdays, from the one before `day`. Orders of a date are the same in all books
    that hold them, so that the books of following days overlap as in a real factory.
    """
    days = workdays(day, DAYS_IN_BOOK, back=1)
    orders = [order for released in days for order in _orders_of(released, seed)]
    return {"production_order": orders, **_material(days, orders)}


def workdays(day: dt.date, count: int, *, back: int = 0) -> list[dt.date]:
    """So many workdays, from `back` workdays before `day`."""
    first = day
    for _ in range(back):
        first -= dt.timedelta(days=1)
        while not _is_workday(first):
            first -= dt.timedelta(days=1)
    found: list[dt.date] = []
    while len(found) < count:
        if _is_workday(first):
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


def _material(days: list[dt.date], orders: Rows) -> dict[str, Rows]:
    stock: Rows = []
    deliveries: Rows = []
    for product, (material, per_piece) in MATERIAL_OF.items():
        need = {
            day: sum(
                per_piece * order["pieces"]
                for order in orders
                if order["product_id"] == product and order["order_id"].startswith(f"{day:%y%m%d}")
            )
            for day in days
        }
        in_stock = sum(need[day] for day in days[:STOCK_DAYS])
        stock.append({"material_id": material, "quantity": round(in_stock, 3)})
        for day in days[STOCK_DAYS:]:
            row: dict[str, Any] = {
                "delivery_id": f"{day:%y%m%d} {material}",
                "material_id": material,
                "due_utc": local(day, DELIVERY),
                "quantity": round(need[day], 3),
            }
            deliveries.append(row)
    return {"material_stock": stock, "purchase_delivery": deliveries}


def _is_workday(day: dt.date) -> bool:
    return day.isoweekday() in WORKDAYS and (day.month, day.day) not in HOLIDAYS
