"""The REST API, a file for each noun."""

from urbextag.web.api import (
    concepts,
    events,
    folders,
    images,
    location_work,
    locations,
    models,
    queue,
    review,
    search,
    settings,
    status,
    tasks,
    upkeep,
)

ROUTERS = (
    concepts.router,
    events.router,
    folders.router,
    images.router,
    location_work.router,
    locations.router,
    models.router,
    queue.router,
    review.router,
    search.router,
    settings.router,
    status.router,
    tasks.router,
    upkeep.router,
)
