"""The task type of the pictures, found by the processes through PYTHONPATH: it logs, and stumbles over a price."""

from pydantic import Field

from atropos_core.catalog import TaskParameters, TaskType
from atropos_worker.context import TaskContext

ROW_SECONDS = 0.05
CHUNK = 25


class OrderImportParameters(TaskParameters):
    file: str = Field(description="Where the orders are.")
    orders: int = Field(100, ge=1, description="How many.")
    broken_order: int | None = Field(None, ge=1, description="The one whose price is not a number.")


def run(parameters: OrderImportParameters, context: TaskContext) -> dict[str, float]:
    """Read them one by one."""
    context.log("file opened", file=parameters.file, orders=parameters.orders)
    total = 0.0
    for number in range(1, parameters.orders + 1):
        total += price_of("12,90" if number == parameters.broken_order else "12.90")
        context.progress(number / parameters.orders, f"order {number} of {parameters.orders}")
        if number % CHUNK == 0:
            context.log("chunk stored", orders=number, total=round(total, 2))
        context.wait(ROW_SECONDS)
    return {"orders": parameters.orders, "total": round(total, 2)}


def price_of(text: str) -> float:
    """Raises ValueError for what is not a number."""
    return float(text)


order_import = TaskType(
    name="order_import",
    description="Imports orders from a file.",
    parameters=OrderImportParameters,
    handler="pictured_orders:run",
    example={"file": "s3://shop/orders.csv", "orders": 400},
)
