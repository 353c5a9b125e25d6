import './styles/tokens.css'
import './styles/base.css'
import './styles/layout.css'
import './styles/parts.css'
import { render } from 'preact'
import { App } from './app.tsx'
import { startMoving } from './rest/move.ts'
import { startRouter } from './router.ts'
import { startTheme } from './theme.ts'

const root = document.getElementById('app')
if (root) {
  startTheme()
  startRouter()
  startMoving()
  render(<App />, root)
}
